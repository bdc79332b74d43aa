//! A machine whose state is moved into the next one.
//! exit: 0

#[derive(Debug)]
enum Door {
    Open { since: u32 },
    Closed,
    Locked(String),
}

impl Door {
    fn next(self, event: &str) -> Door {
        match (self, event) {
            (Door::Open { since }, "close") if since < 100 => Door::Closed,
            (Door::Closed, code) if code.starts_with('#') => Door::Locked(code[1..].to_string()),
            (Door::Locked(secret), given) if secret == given => {
                println!("=given {given:?}\n=secret {secret:?}"); // <unlock> secret = "77"; given = "77"
                Door::Closed
            }
            (state, _) => state,
        }
    }
}

fn main() {
    let mut door = Door::Open { since: 3 };
    println!("=door {door:?}\n=door.size {}\n@door {:p}", size_of_val(&door), &door); // <open>
    //   door: live, at printed, size 24, owns nothing; door = Open { since: 3 }
    for event in ["push", "close", "#77", "12"] {
        println!("=event {event:?}\n=door {door:?}"); // <step#3> event = "#77"; door = Closed
        door = door.next(event);
    }
    println!("=door {door:?}"); // <locked> door: live, owns a block; door = Locked("77")
    door = door.next("77");
    println!("=door {door:?}"); // <closed> door = Closed; door: owns nothing
}
