//! One generic function, one machine function for each type it is used with.
//! exit: 0

#[derive(Debug)]
struct Pair<T> {
    left: T,
    right: T,
}

impl<T: PartialOrd> Pair<T> {
    fn larger(self) -> T {
        if self.left > self.right { self.left } else { self.right } // <larger#2> frames = larger, main
    }
}

fn largest<T: PartialOrd + Copy>(list: &[T]) -> T {
    let mut best = list[0];
    for &item in list {
        if item > best {
            best = item;
        }
    }
    best // <largest#2> frames = largest, main; best = 'y'
}

fn main() {
    let number = largest(&[3, 9, 4]);
    let letter = largest(&['b', 'y', 'a']);
    println!("=best {letter:?}\n=number {number}\n=letter {letter:?}"); // <both> number = 9; letter = 'y'
    let words = Pair { left: "oar".to_string(), right: "sail".to_string() };
    let points = Pair { left: 1.5f32, right: 0.5 };
    println!("=words {words:?}\n=words.bytes {}\n@words {:p}", words.left.len() + 4, &words); // <pairs>
    //   words: live, place stack, at printed, owns 7 bytes on the heap
    //   words = Pair { left: "oar", right: "sail" }; points = Pair { left: 1.5, right: 0.5 }
    println!("=points {points:?}");
    let point = points.larger();
    let word = words.larger();
    println!("=word {word:?}\n=point {point:?}\n=word.bytes {}", word.capacity()); // <larger-ones>
    //   word: live, owns 4 bytes on the heap; word = "sail"; point = 1.5
}
