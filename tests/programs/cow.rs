//! A `Cow` borrows until somebody wants to change it.
//! exit: 0

use std::borrow::Cow;

fn quiet(text: &str) -> Cow<'_, str> {
    if text.contains('!') { Cow::Owned(text.replace('!', ".")) } else { Cow::Borrowed(text) }
}

fn main() {
    let calm = quiet("all is well");
    let loud = quiet("land ho!");
    println!("=calm {calm:?}\n=loud {loud:?}\n=calm.size {}\n@calm {:p}", size_of_val(&calm), &calm); // <both>
    //   calm: live, place stack, at printed, size 24, owns nothing, borrows 11 bytes of rodata
    //   loud: live, owns a block; calm = "all is well"; loud = "land ho."
    let mut changed = calm;
    changed.to_mut().push('!');
    println!("=changed {changed:?}"); // <written-to> changed: live, owns a block; changed = "all is well!"
    let owned: String = loud.into_owned();
    println!("=owned {owned:?}\n@owned.heap {:p}", owned.as_ptr()); // <owned>
    //   owned: live, heap at printed; owned = "land ho."
}
