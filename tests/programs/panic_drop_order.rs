//! While a panic unwinds, every frame drops its locals, the youngest first.
//! exit: 101

struct Layer(u8);

impl Drop for Layer {
    fn drop(&mut self) {
        let unwinding = std::thread::panicking();
        println!("=unwinding {unwinding}\n=self.0 {}", self.0); // <drop#1> unwinding = false
        //   <drop#4> unwinding = true; frames = drop, dig, dig, dig, main
    }
}

fn dig(depth: u8) {
    let _soil = Layer(depth);
    drop(Layer(depth + 100));
    if depth < 3 {
        dig(depth + 1);
    }
    println!("=depth {depth}"); // <rock> depth = 3; frames = dig, dig, dig, main
    let rock: Result<(), &str> = Err("rock");
    rock.unwrap();
}

fn main() {
    dig(1);
}
