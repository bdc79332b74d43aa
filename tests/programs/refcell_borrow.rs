//! A `RefCell` counts its borrows while the program runs.
//! exit: 0

use std::cell::RefCell;

fn main() {
    let tally = RefCell::new(vec![1, 2]);
    println!("=tally {tally:?}\n@tally {:p}\n=tally.size {}", &tally, size_of_val(&tally)); // <free>
    //   tally: live, place stack, at printed, size 32
    //   tally = RefCell { value: [1, 2] }
    tally.borrow_mut().push(3);
    {
        let first = tally.borrow();
        let second = tally.borrow();
        println!("=first {first:?}\n=second {second:?}"); // <shared>
        //   first: live; first = [1, 2, 3]; second = [1, 2, 3]
        println!("may it change now? {}", tally.try_borrow_mut().is_ok());
    }
    let mut last = tally.borrow_mut();
    last.clear();
    println!("=last {last:?}"); // <exclusive> last: live; last = []
    println!("=tally {tally:?}"); // <locked> tally = RefCell { value: <borrowed> }
    drop(last);
    println!("=tally {tally:?}"); // <free-again> tally = RefCell { value: [] }
}
