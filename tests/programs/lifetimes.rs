//! A struct that borrows: its lifetime parameter says from whom, and keeps nothing alive.
//! exit: 0

#[derive(Debug)]
struct Excerpt<'a> {
    part: &'a str,
    words: usize,
}

impl<'a> Excerpt<'a> {
    fn first_sentence(text: &'a str) -> Self {
        let end = text.find('.').unwrap_or(text.len());
        let part = &text[..end];
        Excerpt { part, words: part.split(' ').count() } // <cut> part: borrows 15 bytes of heap; end = 15
    }
}

fn longer<'a>(a: &'a str, b: &'a str) -> &'a str {
    if a.len() >= b.len() { a } else { b }
}

fn main() {
    let novel = String::from("Call me Ishmael. Some years ago.");
    let excerpt = Excerpt::first_sentence(&novel);
    println!("=excerpt {excerpt:?}\n=end {}\n@excerpt {:p}", excerpt.part.len(), &excerpt); // <borrowing>
    //   excerpt: live, at printed, place stack, owns nothing, borrows heap of novel
    //   excerpt = Excerpt { part: "Call me Ishmael", words: 3 }
    let picked;
    {
        let local = String::from("short");
        picked = longer(excerpt.part, "literal");
        println!("=picked {picked:?}\n=local {local:?}"); // <picked> picked = "Call me Ishmael"; local: live; local = "short"
    }
    println!("=picked {picked:?}\n{}", excerpt.words); // <later> picked: borrows heap of novel; local: not live
}
