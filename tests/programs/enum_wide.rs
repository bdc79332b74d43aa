//! Enums with tags and niches of 64 and 128 bits.
//! exit: 0

#[derive(Clone, Copy, Debug)]
#[repr(u64)]
enum Far {
    Here = 0,
    There = 0x8000_0000_0000_0001,
}

#[derive(Debug)]
enum Amount {
    Small(u8),
    Huge(u128),
}

fn main() {
    let far = [Far::There, Far::Here];
    println!("=far {far:?}\n=far.size {}\n@far {:p}", size_of_val(&far), &far); // <tag-64>
    //   far: live, place stack, at printed, size 16; far = [There, Here]
    let small = Amount::Small(5);
    let huge = Amount::Huge(u128::MAX);
    println!("=small {small:?}\n=huge {huge:?}\n=huge.size {}", size_of_val(&huge)); // <payload-128>
    //   huge: size 32; small = Small(5); huge = Huge(340282366920938463463374607431768211455)
    let maybe = std::num::NonZeroU128::new(1 << 100);
    let never = std::num::NonZeroU128::new(0);
    println!("=maybe {maybe:?}\n=never {never:?}\n=maybe.size {}", size_of_val(&maybe)); // <niche-128>
    //   maybe: size 16; maybe = Some(1267650600228229401496703205376); never = None
    let total = match (small, huge) {
        (Amount::Small(a), Amount::Huge(b)) => b / u128::from(a),
        _ => 0,
    };
    println!("=total {total}\n=far[0] {:?}", far[0]); // <quotient>
    //   total = 68056473384187692692674921486353642291; far[0] = There
    println!("{}", far[1] as u64);
}
