//! An enum hides its tag in bit patterns that its payload never has.
//! exit: 0

use std::cmp::Ordering;

#[derive(Debug)]
enum Signal {
    Off,
    Blink,
    Colour(char),
}

fn main() {
    let empty: Option<Box<u8>> = None;
    let text = Some(String::from("no tag"));
    println!("=empty {empty:?}\n=empty.size {}\n=text.size {}", size_of_val(&empty), size_of_val(&text)); // <owners>
    //   empty: live, size 8, owns nothing; text: live, size 24, owns a block; empty = None; text = Some("no tag")
    println!("=text {text:?}");
    let signals = [Signal::Off, Signal::Blink, Signal::Colour('é')];
    println!("=signals {signals:?}\n=signals.size {}", size_of_val(&signals)); // <char-niche>
    //   signals: size 12; signals = [Off, Blink, Colour('é')]
    let nested: Option<Option<bool>> = Some(None);
    let order = Some(Ordering::Less);
    println!("=nested {nested:?}\n=nested.size {}\n=order {order:?}", size_of_val(&nested)); // <nested>
    //   nested: size 1; nested = Some(None); order = Some(Less)
    let hue = if let Signal::Colour(c) = signals[2] { c } else { '?' };
    println!("=hue {hue:?}"); // <payload> hue = 'é'
}
