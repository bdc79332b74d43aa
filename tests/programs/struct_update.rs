//! Struct update syntax moves or copies the fields that are not named.
//! exit: 0

#[derive(Clone, Debug)]
struct Cabin {
    name: String,
    beds: u8,
    view: bool,
}

fn main() {
    let plain = Cabin { name: "inside".to_string(), beds: 2, view: false };
    let deluxe = Cabin { view: true, name: "balcony".to_string(), ..plain.clone() };
    println!("=plain {plain:?}\n=deluxe {deluxe:?}\n@deluxe {:p}", &deluxe); // <both>
    //   plain: live, owns a block; deluxe: live, place stack, at printed, owns 7 bytes on the heap
    //   plain = Cabin { name: "inside", beds: 2, view: false }
    //   deluxe = Cabin { name: "balcony", beds: 2, view: true }
    println!("=deluxe.bytes {}", deluxe.name.capacity());
    let last = Cabin { beds: 1, ..plain };
    println!("=last {last:?}\n=last.name {:?}", last.name); // <moved>
    //   last: live, owns a block; last = Cabin { name: "inside", beds: 1, view: false }; last.name = "inside"
    println!("{} {} {}", last.beds, last.view, deluxe.beds);
}
