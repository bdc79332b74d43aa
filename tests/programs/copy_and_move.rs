//! `Copy` or not is a matter of the type, not of the region.
//! exit: 0

#[derive(Clone, Copy, Debug)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Debug)]
struct Token(u32);

fn spend(token: Token) -> u32 {
    println!("=token {token:?}"); // <spent> token: live, place stack; token = Token(7); frames = spend, main
    token.0
}

fn main() {
    let p = Point { x: 1, y: 2 };
    let mut q = p;
    q.x = 10;
    println!("=p {p:?}\n=q {q:?}\n@p {:p}\n@q {:p}", &p, &q); // <copied>
    //   p: live, at printed; q: live, at printed; p = Point { x: 1, y: 2 }; q = Point { x: 10, y: 2 }
    let token = Token(7);
    let spent = spend(token);
    println!("=spent {spent}\n{}", q.x + q.y + p.x + p.y); // <moved> spent = 7
    let name = String::from("copy me");
    let clone = name.clone();
    println!("@name.heap {:p}\n@clone.heap {:p}\n=clone {clone:?}", name.as_ptr(), clone.as_ptr()); // <cloned>
    //   name: live, heap at printed; clone: live, heap at printed; clone = "copy me"
}
