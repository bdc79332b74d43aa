//! A recursion that remembers: each answer is computed once.
//! exit: 0

use std::collections::HashMap;

fn ways(steps: u32, known: &mut HashMap<u32, u64>) -> u64 {
    if steps <= 1 {
        return 1;
    }
    if let Some(&answer) = known.get(&steps) {
        println!("=answer#1 {answer}\n=steps {steps}"); // <remembered> answer#1 = 2; steps = 2; frames = ways, ways, ways, main
        return answer;
    }
    let answer = ways(steps - 1, known) + ways(steps - 2, known);
    println!("=answer#2 {answer}\n=steps {steps}"); // <computed#2> answer#2 = 3; steps = 3
    known.insert(steps, answer);
    answer
}

fn main() {
    let mut known = HashMap::new();
    let total = ways(5, &mut known);
    println!("=total {total}\n=known.len {}", known.len()); // <done> total = 8; known.len = 4; known: owns 1 block in all
}
