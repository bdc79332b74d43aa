//! A builder by value is moved through each of its methods and out of the last one.
//! exit: 0

#[derive(Default)]
struct Letter {
    to: String,
    lines: Vec<String>,
}

impl Letter {
    fn to(mut self, name: &str) -> Self {
        self.to = name.to_string(); // <to> self: live; main::empty: moved
        self
    }

    fn line(mut self, text: &str) -> Self {
        self.lines.push(text.to_string()); // <line> self: live
        self // <lined> self: live, owns 3 blocks in all
    }
}

fn main() {
    let empty = Letter::default();
    let letter = empty.to("Ada").line("Hello"); // <before> empty: live; letter: uninit
    println!("{} {}", letter.to, letter.lines.len()); // <built> empty: moved; letter: live, owns 3 blocks in all
}
