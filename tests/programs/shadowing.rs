//! Shadowing makes a second variable; the first one lives on without a name.
//! exit: 0

struct Lamp(u8);

impl Drop for Lamp {
    fn drop(&mut self) {
        println!("lamp {} goes out", self.0);
    }
}

fn main() {
    let lamp = Lamp(1);
    let lamp = Lamp(lamp.0 + 1);
    println!("@lamp#2 {:p}\n=lamp#2.0 {}", &lamp, lamp.0); // <two-lamps>
    //   lamp#1: live, place stack; lamp#2: live, at printed; lamp#2.0 = 2
    let text = "12";
    let text: u32 = text.parse().unwrap();
    {
        let text = text * 2;
        println!("=text#3 {text}"); // <inner> text#3 = 24; text#2: live
    }
    println!("=text#2 {text}\n@text#2 {:p}", &text); // <outer> text#2: live, at printed; text#2 = 12
}
