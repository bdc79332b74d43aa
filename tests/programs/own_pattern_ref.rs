//! `ref` and patterns on references borrow the parts instead of moving them.
//! exit: 0

fn main() {
    let pair = (String::from("one"), String::from("two"));
    let (ref first, ref second) = pair;
    println!("{first} {second}"); // <borrowed> pair: live, lent to first, lent to second; first: borrows pair
    let (third, _) = &pair;
    println!("{third}"); // <again> pair: live, lent to third; third: borrows pair
    let (fourth, _) = pair;
    println!("{fourth}"); // <moved> pair: partly-moved, without 0, not lent; fourth: live, owns a block
}
