//! `let … else` binds or leaves; `?` hands an error to the caller.
//! exit: 0

#[derive(Debug)]
enum Trouble {
    NoColon,
    NotANumber(String),
}

impl From<std::num::ParseIntError> for Trouble {
    fn from(error: std::num::ParseIntError) -> Self {
        Trouble::NotANumber(error.to_string()) // <from> frames = from, port, main
    }
}

fn port(address: &str) -> Result<u16, Trouble> {
    let Some((host, number)) = address.split_once(':') else {
        println!("=address {address:?}"); // <no-colon> address = "nowhere"
        return Err(Trouble::NoColon);
    };
    println!("=host {host:?}\n=number {number:?}"); // <split#2>
    //   host = "b"; number = "x7"; host: borrows 1 byte of rodata
    let port: u16 = number.parse()?;
    Ok(port + 1)
}

fn main() {
    let good = port("a:80");
    let bad = port("b:x7");
    let worse = port("nowhere");
    println!("=good {good:?}\n=bad {bad:?}\n=worse {worse:?}"); // <three>
    //   good = Ok(81); worse = Err(NoColon); bad: live, owns a block
    //   bad = Err(NotANumber("invalid digit found in string"))
    if let Err(Trouble::NotANumber(text)) = bad {
        println!("=text {text:?}"); // <text> text = "invalid digit found in string"
    }
}
