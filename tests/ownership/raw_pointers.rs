//! The borrow checker does not follow raw pointers.
fn main() {
    let mut number = 5;
    let pointer = &raw mut number;
    let text = Box::new(String::from("leaked and taken back"));
    let raw = Box::into_raw(text);
    // SAFETY: `pointer` points to `number`, which is alive; `raw` comes from a `Box`.
    let back = unsafe {
        *pointer += 1;
        Box::from_raw(raw)
    };
    println!("{number} {back}");
}
