//! `split_at_mut` makes two mutable slices of one array, which is lent until both are done.
//! exit: 0

fn main() {
    let mut numbers = [1, 2, 3, 4];
    let (left, right) = numbers.split_at_mut(2);
    left[0] = right[1]; // <both> numbers: live, lent; left: borrows-mut numbers; right: borrows-mut numbers
    right[0] += left[1]; // <still> numbers: live, lent
    println!("{numbers:?}"); // <end> numbers: live, not lent
}
