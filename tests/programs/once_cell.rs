//! A `OnceCell` is empty until somebody fills it, then never changes.
//! exit: 0

use std::cell::{LazyCell, OnceCell};

fn main() {
    let title: OnceCell<String> = OnceCell::new();
    println!("=title {title:?}\n@title {:p}", &title); // <empty>
    //   title: live, place stack, at printed, owns nothing; title = OnceCell(<uninit>)
    let text = title.get_or_init(|| "Atlas".to_string());
    println!("=text {text:?}\n@*text {:p}", text); // <filled>
    //   text: live, borrows title, points to printed; text = "Atlas"
    println!("=title {title:?}\n=title.bytes {}", text.capacity()); // <kept>
    //   title: owns 5 bytes on the heap; title = OnceCell("Atlas")
    let lazy = LazyCell::new(|| 6 * 7);
    println!("the answer is {}", *lazy); // <lazy> lazy: live, place stack
    println!("again: {}", title.set("Globe".to_string()).is_err());
}
