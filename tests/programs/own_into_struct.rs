//! Values move into the fields of a struct, and the variables they were in are empty.
//! exit: 0

struct Person {
    name: String,
    nickname: Option<String>,
}

fn main() {
    let name = String::from("Grace");
    let nickname = String::from("Amazing");
    println!("{name}"); // <apart> name: live; nickname: live
    let person = Person { name, nickname: Some(nickname) };
    println!("{}", person.name); // <together> name: moved; nickname: moved; person: live, owns 2 blocks in all
    //   event move name
    let people = [person];
    println!("{:?}", people[0].nickname); // <in-array> person: moved; people: live, owns 2 blocks in all
    let stack = vec![people];
    println!("{}", stack.len()); // <in-vec> people: moved; stack: live, owns 3 blocks in all
}
