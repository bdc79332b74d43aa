//! A graph without pointers: edges are indices into a `Vec`.
//! exit: 0

struct Harbour {
    name: &'static str,
    routes: Vec<usize>,
}

fn reach(harbours: &[Harbour], from: usize) -> Vec<&'static str> {
    let mut seen = vec![false; harbours.len()];
    let mut waiting = vec![from];
    let mut order = Vec::new();
    while let Some(at) = waiting.pop() {
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        order.push(harbours[at].name); // <visit#3> at = 1; waiting = [0]; seen = [true, true, true, false]
        println!("=at {at}\n=waiting {waiting:?}\n=seen {seen:?}");
        waiting.extend(&harbours[at].routes);
    }
    order
}

fn main() {
    let mut harbours = Vec::new();
    for (name, routes) in [("Oban", vec![2]), ("Mull", vec![]), ("Coll", vec![0, 1]), ("Skye", vec![0])] {
        harbours.push(Harbour { name, routes });
    }
    let order = reach(&harbours, 0);
    println!("=order {order:?}\n=harbours.len {}", harbours.len()); // <done>
    //   order = ["Oban", "Coll", "Mull"]; harbours.len = 4; harbours: owns 4 blocks in all
}
