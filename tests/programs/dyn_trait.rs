//! One function for many types: the call goes through the table behind the pointer.
//! exit: 0

trait Animal {
    fn name(&self) -> String;
    fn speak(&self) -> String {
        format!("{} says nothing", self.name()) // <default> frames = speak, chorus, main
    }
}

struct Dog {
    age: u8,
}
struct Fish;

impl Animal for Dog {
    fn name(&self) -> String {
        format!("a dog of {}", self.age)
    }
    fn speak(&self) -> String {
        let name = self.name();
        println!("=name {name:?}\n@*self {:p}", self); // <dog>
        //   frames = speak, chorus, main; name = "a dog of 3"; self: borrows main::dog, points to printed
        name + " says woof"
    }
}

impl Animal for Fish {
    fn name(&self) -> String {
        "a fish".to_string()
    }
}

fn chorus(animals: &[&dyn Animal]) -> usize {
    let mut letters = 0;
    for animal in animals {
        letters += animal.speak().len();
    }
    letters
}

fn main() {
    let dog = Dog { age: 3 };
    let one: &dyn Animal = &dog;
    println!("=one.size {}\n@*one {:p}", size_of_val(&one), &dog); // <wide>
    //   one: live, place stack, size 16, borrows dog, points to printed, dyn Dog
    let letters = chorus(&[one, &Fish]);
    println!("=letters {letters}"); // <heard> letters = 39
}
