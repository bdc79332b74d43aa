//! Functions, types and closures inside a function.
//! exit: 0

fn main() {
    const LIMIT: u32 = 3;

    #[derive(Debug)]
    struct Step {
        from: u32,
        to: u32,
    }

    fn walk(from: u32) -> Step {
        fn next(n: u32) -> u32 {
            n + LIMIT // <deepest> frames = next, walk, main
        }
        let to = next(from);
        println!("=to {to}"); // <step> frames = walk, main; to = 4
        Step { from, to }
    }

    let step = walk(1);
    println!("=step {step:?}\n=step.to {}\n@step {:p}", step.to, &step); // <walked>
    //   step: live, place stack, at printed; step = Step { from: 1, to: 4 }
    let outer = |a: u32| {
        let inner = |b: u32| a * b;
        let product = inner(step.from + 1);
        println!("=product {product}"); // <closures> product = 20; frames = {closure#0}, main
        product
    };
    let sum = outer(10) + LIMIT;
    println!("=sum {sum}"); // <sum> sum = 23
}
