//! A `move` closure takes a variable along; one that only reads borrows it.
//! exit: 0

fn main() {
    let greeting = String::from("hello");
    let look = || greeting.len();
    println!("{}", look()); // <looking> greeting: live, lent to look; look: live
    let own = move || greeting.len();
    println!("{}", own()); // <owned> greeting: moved, not lent; own: live, owns a block; event move greeting to own
    let number = 7;
    let add = move |other: i32| number + other;
    println!("{}", add(number)); // <copied> own: live; greeting: moved; number: live, not lent; add: live; event copy number to add
}
