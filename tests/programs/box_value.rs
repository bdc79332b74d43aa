//! A `Box` is one word on the stack; what is in the box lies on the heap.
//! exit: 0

#[derive(Debug)]
struct Planet {
    name: &'static str,
    moons: u32,
}

fn main() {
    let planet = Box::new(Planet { name: "Mars", moons: 2 });
    println!("=planet {planet:?}\n=planet.size {}", size_of_val(&planet)); // <boxed>
    //   planet: live, place stack, size 8, owns 24 bytes on the heap
    //   planet = Planet { name: "Mars", moons: 2 }
    println!("=planet.bytes {}", size_of_val(&*planet));
    println!("@planet {:p}\n@planet.heap {:p}", &planet, planet); // <where>
    //   planet: at printed, heap at printed
    let unboxed = *planet;
    println!("=unboxed {unboxed:?}\n@unboxed {:p}", &unboxed); // <unboxed>
    //   unboxed: live, place stack, at printed, size 24, owns nothing
    //   unboxed = Planet { name: "Mars", moons: 2 }
    println!("=unboxed.size {}", size_of_val(&unboxed));
    println!("{} has {} moons", unboxed.name, unboxed.moons);
}
