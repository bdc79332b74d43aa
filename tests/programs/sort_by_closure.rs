//! Sorting calls back: frames of the library lie between `main` and the closure.
//! exit: 0

#[derive(Debug)]
struct Ship {
    name: &'static str,
    tons: u32,
}

fn main() {
    let mut ships = vec![
        Ship { name: "Petrel", tons: 300 },
        Ship { name: "Argo", tons: 40 },
        Ship { name: "Beagle", tons: 240 },
    ];
    let mut compared = 0;
    ships.sort_by(|a, b| {
        compared += 1; // <compare> frames = {closure#0}, main; a: borrows heap of main::ships; b: live
        a.tons.cmp(&b.tons)
    });
    println!("=ships.len {}\n=ships[0] {:?}\n@ships {:p}", ships.len(), ships[0], &ships); // <by-weight>
    //   ships: live, place stack, at printed, owns a block; ships.len = 3
    //   ships[0] = Ship { name: "Argo", tons: 40 }
    ships.sort_by_key(|ship| ship.name.len());
    let names: Vec<&str> = ships.iter().map(|ship| ship.name).collect();
    println!("=names {names:?}"); // <by-length> names = ["Argo", "Beagle", "Petrel"]
    println!("compared at least twice: {}", compared >= 2);
    let found = names.binary_search(&"Beagle");
    println!("=found {found:?}"); // <found> found = Ok(1)
}
