//! An array lies where its variable lies; assigning it copies all of it.
//! exit: 0

fn main() {
    let week = [4, 8, 15, 16, 23, 42, 0];
    let mut copy = week;
    copy[6] = 99;
    println!("=week {week:?}\n=copy {copy:?}\n@week {:p}\n@copy {:p}", &week, &copy); // <copied>
    //   week: live, place stack, at printed, size 28; copy: live, place stack, at printed
    //   week = [4, 8, 15, 16, 23, 42, 0]; copy = [4, 8, 15, 16, 23, 42, 99]
    println!("=week.size {}", size_of_val(&week));
    let grid = [[1u8, 2, 3], [4, 5, 6]];
    println!("=grid {grid:?}\n=grid[1] {:?}\n=grid.size {}", grid[1], size_of_val(&grid)); // <grid>
    //   grid: size 6, owns nothing; grid = [[1, 2, 3], [4, 5, 6]]; grid[1] = [4, 5, 6]
    let words = [String::from("on"), String::from("deck")];
    println!("=words {words:?}\n=words.bytes {}", words[0].capacity() + words[1].capacity()); // <owning>
    //   words: live, place stack, owns 6 bytes on the heap, owns 2 blocks in all; words = ["on", "deck"]
}
