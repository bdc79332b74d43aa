//! A reference owns nothing: when its scope ends, nothing is dropped.
fn length(text: &String) -> usize {
    text.len()
}

fn longer<'a>(one: &'a str, other: &'a str) -> &'a str {
    if one.len() > other.len() { one } else { other }
}

fn main() {
    let text = String::from("hello");
    length(&text);
    {
        let reference = &text;
        println!("{reference}");
    }
    let result;
    {
        let short = "ab";
        result = longer(&text, short);
    }
    println!("{result}");
}
