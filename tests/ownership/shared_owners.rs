//! A clone of an `Rc` is one more owner; each is dropped by itself.
use std::cell::RefCell;
use std::rc::Rc;

fn main() {
    let first = Rc::new(RefCell::new(vec![1]));
    let second = Rc::clone(&first);
    second.borrow_mut().push(2);
    let count = Rc::strong_count(&first);
    drop(second);
    {
        let view = first.borrow();
        println!("{count} {:?}", view);
    }
    first.borrow_mut().clear();
}
