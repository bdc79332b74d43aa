//! A `&mut` lends a value for change; it stays in its owner's place.
//! exit: 0

fn rename(name: &mut String) {
    name.push_str(" II"); // <in-call> name: live, borrows-mut main::ship, points to printed; frames = rename, main
    println!("@*name {:p}\n=name {name:?}", name); // <changed> name = "Argo II"
}

fn raise(depths: &mut [i32], by: i32) {
    for depth in depths.iter_mut() {
        *depth += by; // <raise#2> depth: live, borrows-mut 4 bytes of main::depths, points to printed
        println!("@*depth {:p}", depth);
    }
}

fn main() {
    let mut ship = String::from("Argo");
    println!("=ship {ship:?}\n@ship {:p}", &ship); // <before> ship: live, place stack, at printed; ship = "Argo"
    rename(&mut ship);
    println!("=ship {ship:?}\n@ship {:p}", &ship); // <after> ship: live, at printed; ship = "Argo II"
    let mut depths = [3, 6];
    raise(&mut depths, 10);
    println!("=depths {depths:?}"); // <raised> depths = [13, 16]
}
