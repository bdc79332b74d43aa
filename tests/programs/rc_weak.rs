//! A `Weak` does not keep its value alive: parents own children, children only know parents.
//! exit: 0

use std::cell::RefCell;
use std::rc::{Rc, Weak};

struct Node {
    name: &'static str,
    parent: RefCell<Weak<Node>>,
    children: RefCell<Vec<Rc<Node>>>,
}

fn node(name: &'static str) -> Rc<Node> {
    Rc::new(Node { name, parent: RefCell::default(), children: RefCell::default() })
}

fn main() {
    let leaf = node("leaf");
    let none = Weak::<Node>::new();
    println!("=leaf.strong {}\n=leaf.weak {}", Rc::strong_count(&leaf), Rc::weak_count(&leaf)); // <alone>
    //   leaf: live, place stack, shares a block; leaf.strong = 1; leaf.weak = 0
    //   none: live, place stack, size 8, owns nothing
    println!("=none.size {}", size_of_val(&none));
    let tree = node("tree");
    tree.children.borrow_mut().push(Rc::clone(&leaf));
    *leaf.parent.borrow_mut() = Rc::downgrade(&tree);
    println!("=tree.strong {}\n=tree.weak {}", Rc::strong_count(&tree), Rc::weak_count(&tree)); // <planted>
    //   tree.strong = 1; tree.weak = 1; leaf.strong = 2
    println!("=leaf.strong {}", Rc::strong_count(&leaf));
    let up = Rc::downgrade(&leaf);
    println!("{} under {}", leaf.name, tree.name); // <downgraded> up: live, weak to leaf
    drop(tree);
    let orphan = leaf.parent.borrow().upgrade().is_none();
    println!("=orphan {orphan}\n=leaf.strong {}\n=leaf.weak {}", up.strong_count(), up.weak_count()); // <orphan>
    //   orphan = true; leaf.strong = 1; leaf.weak = 1; leaf: live
}
