//! `as_ref`, `as_mut` and `map` on an option: look, change, and take.
//! exit: 0

fn main() {
    let mut name = Some(String::from("ada"));
    let length = name.as_ref().map(String::len);
    println!("{length:?}"); // <looked> name: live, owns a block, not lent; length: live
    if let Some(text) = name.as_mut() {
        text.push('!'); // <changing> text: live, borrows-mut name; name: lent
    }
    let upper = name.map(|text| text.to_uppercase()); // <changed> name: live, not lent; upper: uninit
    println!("{upper:?}"); // <end> name: moved; upper: live, owns a block
}
