//! What a function makes can outlive it: it is handed to the caller, block and all.
//! exit: 0

struct Ship {
    name: String,
    crew: Vec<String>,
}

fn launch(name: &str) -> Ship {
    let crew = vec!["Ann".to_string()];
    println!("@crew.heap {:p}\n=crew.bytes {}", crew.as_ptr(), crew.capacity() * 24); // <made>
    //   crew: live, place stack, owns 24 bytes on the heap, heap at printed, owns 2 blocks in all
    Ship { name: name.to_string(), crew }
}

fn sign_on(mut ship: Ship, sailor: &str) -> Ship {
    ship.crew.push(sailor.to_string());
    println!("@ship {:p}\n@ship.heap {:p}", &ship, ship.name.as_ptr()); // <handed-in>
    //   ship: live, at printed, heap at printed, owns 4 blocks in all; frames = sign_on, main
    ship
}

fn main() {
    let ship = launch("Beagle");
    println!("@ship#1.heap {:p}\n=crew {:?}", ship.name.as_ptr(), ship.crew); // <launched>
    //   ship#1: live, place stack, heap at printed, owns 3 blocks in all
    let ship = sign_on(ship, "Ben");
    println!("@ship#2.heap {:p}\n@ship#2 {:p}\n=crew {:?}", ship.name.as_ptr(), &ship, ship.crew); // <back>
    //   ship#2: live, at printed, heap at printed, owns 4 blocks in all; ship#1: not live
}
