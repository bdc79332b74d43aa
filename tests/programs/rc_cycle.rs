//! Two `Rc`s that own each other keep each other alive: safe code may leak.
//! exit: 0

use std::cell::RefCell;
use std::rc::Rc;

struct Dancer {
    name: &'static str,
    partner: RefCell<Option<Rc<Dancer>>>,
}

impl Drop for Dancer {
    fn drop(&mut self) {
        println!("{} leaves the floor", self.name); // never reached
    }
}

fn dancer(name: &'static str) -> Rc<Dancer> {
    Rc::new(Dancer { name, partner: RefCell::new(None) })
}

fn main() {
    let (ann, ben) = (dancer("Ann"), dancer("Ben"));
    println!("=ann.strong {}\n=ben.strong {}", Rc::strong_count(&ann), Rc::strong_count(&ben)); // <apart>
    //   ann: live, place stack; ben: live, place stack
    //   ann.strong = 1; ben.strong = 1
    *ann.partner.borrow_mut() = Some(Rc::clone(&ben));
    *ben.partner.borrow_mut() = Some(Rc::clone(&ann));
    println!("=ann.strong {}\n=ben.strong {}", Rc::strong_count(&ann), Rc::strong_count(&ben)); // <cycle>
    //   ann.strong = 2; ben.strong = 2
    println!("{} and {} dance for ever", ann.name, ben.name);
}
