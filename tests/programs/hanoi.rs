//! The towers of Hanoi: two calls in every call.
//! exit: 0

type Pegs = [Vec<u8>; 3];

fn hanoi(pegs: &mut Pegs, disks: usize, from: usize, to: usize, moves: &mut u32) {
    if disks == 0 {
        return;
    }
    let spare = 3 - from - to;
    hanoi(pegs, disks - 1, from, spare, moves);
    let disk = pegs[from].pop().unwrap();
    pegs[to].push(disk); // <move#4> frames = hanoi, main; disk = 3; spare = 1; pegs: borrows-mut main::pegs
    println!("=disk {disk}\n=spare {spare}");
    *moves += 1;
    hanoi(pegs, disks - 1, spare, to, moves);
}

fn main() {
    let mut pegs: Pegs = [vec![3, 2, 1], vec![], vec![]];
    let mut moves = 0;
    println!("=pegs {pegs:?}\n@pegs {:p}", &pegs); // <start>
    //   pegs: live, place stack, at printed, owns a block; pegs = [[3, 2, 1], [], []]
    hanoi(&mut pegs, 3, 0, 2, &mut moves);
    println!("=pegs {pegs:?}\n=moves {moves}"); // <end> pegs = [[], [], [3, 2, 1]]; moves = 7
}
