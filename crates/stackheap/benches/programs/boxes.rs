//! A loop over user statements with 64 KiB in reach: 64 blocks of 1 KiB, one of which changes in
//! each pass. Argument: passes.

fn main() {
    let passes: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1000);
    let mut blocks: Vec<Box<[u8; 1024]>> = vec![Box::new([1; 1024]); 64];
    let mut sum = 0u64;
    let mut pass = 0u64;
    while pass < passes {
        let index = (pass % 64) as usize; // stop
        blocks[index][7] = pass as u8; // stop
        sum = sum.wrapping_add(u64::from(blocks[index][7])); // stop
        pass += 1; // stop
    }
    println!("{sum}");
}
