//! A chain of methods: the same value is moved from call to call.
//! exit: 0

#[derive(Debug, Default)]
struct Request {
    path: String,
    headers: Vec<(String, String)>,
    retries: u8,
}

impl Request {
    fn path(mut self, path: &str) -> Self {
        self.path.push_str(path);
        self // <path> self: live, owns a block; frames = path, main
    }
    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self // <header#2> self: live, owns 6 blocks in all; frames = header, main
    }
    fn retries(mut self, retries: u8) -> Self {
        self.retries = retries;
        self
    }
}

fn main() {
    let request = Request::default().path("/charts").header("host", "sea").header("ttl", "9").retries(2);
    println!("=request.path {:?}\n@request {:p}", request.path, &request); // <built>
    //   request: live, at printed, owns 6 blocks in all; request.path = "/charts"; request.retries = 2
    println!("=request.retries {}\n{} headers", request.retries, request.headers.len());
}
