//! `Rc`, `Arc` and `Weak` of `str`, slices and trait objects: counts and value share one block.
//! exit: 0

use std::fmt::Display;
use std::rc::{Rc, Weak};
use std::sync::Arc;

fn main() {
    let word: Rc<str> = Rc::from("reef");
    let same = Rc::clone(&word);
    println!("=word {word:?}\n=same {same:?}\n=word.strong {}", Rc::strong_count(&word)); // <str>
    //   word: live, place stack, size 16, shares block with same; word = "reef"; same = "reef"
    //   word.strong = 2
    println!("=word.size {}", size_of_val(&word));
    let weak: Weak<str> = Rc::downgrade(&word);
    println!("=word.weak {}", Rc::weak_count(&word)); // <weak-str> weak: live, weak to word; word.weak = 1
    let list: Arc<[u8]> = Arc::from([1, 2, 3]);
    println!("=list {list:?}\n=list.strong {}", Arc::strong_count(&list)); // <slice>
    //   list: live, shares a block; list = [1, 2, 3]; list.strong = 1
    let shown: Rc<dyn Display> = Rc::new(42i64);
    let weak_dyn: Weak<dyn Display> = Rc::downgrade(&shown);
    println!("=shown.weak {}\n=shown.size {}", Rc::weak_count(&shown), size_of_val(&shown)); // <dyn>
    //   shown: live, size 16, shares a block, dyn i64; weak_dyn: weak to shown; shown.weak = 1
    println!("{} {} {}", shown, weak.strong_count(), weak_dyn.strong_count());
}
