//! `main` may return an error: it is printed to standard error, and the status is 1.
//! exit: 1

use std::error::Error;
use std::fmt;

#[derive(Debug)]
struct Leak {
    litres: u32,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} litres lost", self.litres)
    }
}

impl Error for Leak {}

fn check(litres: u32) -> Result<u32, Box<dyn Error>> {
    if litres > 10 {
        return Err(Box::new(Leak { litres })); // <boxed-error> frames = check, main
    }
    println!("=litres {litres}"); // <fine> litres = 4
    Ok(litres)
}

fn main() -> Result<(), Box<dyn Error>> {
    let fine = check(4)?;
    println!("=fine {fine}"); // <checked> fine = 4
    let text = check(40).unwrap_err();
    println!("=text {text:?}\n=text.size {}\n=text.bytes {}", size_of_val(&text), size_of_val(&*text)); // <error>
    //   text: live, place stack, size 16, owns 4 bytes on the heap, dyn Leak; text = Leak { litres: 40 }
    check(99)?;
    println!("not reached");
    Ok(())
}
