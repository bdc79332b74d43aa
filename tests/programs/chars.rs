//! A `char` has four bytes wherever it lies; in a text the same letter has one to four.
//! exit: 0

fn main() {
    let letter = 'é';
    let wide = '海';
    let quote = '\'';
    println!("=letter {letter:?}\n=wide {wide:?}\n=quote {quote:?}\n=wide.size {}", size_of_val(&wide)); // <chars>
    //   letter: live, place stack; wide: size 4; letter = 'é'; wide = '海'; quote = '\''
    let text = String::from("né\t\"海\"\n");
    println!("=text {text:?}\n=text.bytes {}", text.capacity()); // <text>
    //   text: owns 10 bytes on the heap; text = "né\t\"海\"\n"
    let (count, bytes) = (text.chars().count(), text.len());
    let up: String = text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_uppercase).collect();
    println!("=count {count}\n=bytes {bytes}\n=up {up:?}"); // <counted> count = 7; bytes = 10; up = "NÉ海"
    let pieces: Vec<&str> = "a,b,,c".split(',').collect();
    println!("=pieces {pieces:?}\n=pieces.len {}", pieces.len()); // <split> pieces = ["a", "b", "", "c"]; pieces.len = 4
    let flag = up.starts_with('N');
    println!("=flag {flag}"); // <bool> flag = true
}
