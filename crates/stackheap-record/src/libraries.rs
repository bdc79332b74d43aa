//! Where the C library is, and the functions in it at which the recorder has something to do.

use object::{Object, ObjectSymbol};
use stackheap_model::{LoadBias, RuntimeAddress};
use stackheap_trace::MapRegion;

use crate::breakpoints::Service;

/// A larger file is not taken for a C library.
const LIBRARY_BYTES_LIMIT: u64 = 64 << 20;

/// What was found when the loader was done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Libraries {
    /// The file that holds the C library, and how far it was moved; the executable itself when it
    /// is a static one.
    pub c_library: Option<(Vec<u8>, LoadBias)>,
    /// The addresses it takes up, when it is not the executable itself.
    pub extent: Option<(RuntimeAddress, RuntimeAddress)>,
    /// Where the services' functions begin.
    pub services: Vec<(Service, RuntimeAddress)>,
}

const FUNCTIONS: [(&str, Service); 13] = [
    ("write", Service::Write),
    ("__write", Service::Write),
    ("writev", Service::WriteVector),
    ("sched_getaffinity", Service::GetAffinity),
    ("pthread_getaffinity_np", Service::GetAffinity),
    ("sched_setaffinity", Service::SetAffinity),
    ("pthread_setaffinity_np", Service::SetAffinity),
    ("__sched_getaffinity", Service::GetAffinity),
    ("execve", Service::Execute),
    ("mmap", Service::Mapping),
    ("mmap64", Service::Mapping),
    ("munmap", Service::Mapping),
    ("mremap", Service::Mapping),
];

/// Looks through the mappings of a process.
pub(crate) fn find(regions: &[MapRegion], executable: &[u8], bias: LoadBias) -> Libraries {
    let mut found = Libraries::default();
    let candidate = regions.iter().find(|region| is_c_library(region));
    let (file, bias) = match candidate {
        Some(region) => match read_library(&region.name) {
            Some(bytes) => {
                let high = regions
                    .iter()
                    .filter(|other| other.name == region.name)
                    .map(|other| other.high)
                    .max();
                found.extent = Some((region.low, high.unwrap_or(region.high)));
                (bytes, LoadBias(region.low.0))
            }
            None => return found,
        },
        None => (executable.to_vec(), bias),
    };
    found.services = services(&file, bias);
    found.c_library = Some((file, bias));
    found
}

fn is_c_library(region: &MapRegion) -> bool {
    let name = region.name.rsplit('/').next().unwrap_or("");
    region.offset == 0
        && (name.starts_with("libc.so")
            || name.starts_with("libc-2")
            || name.starts_with("ld-musl")
            || name.starts_with("libc.musl"))
}

fn read_library(path: &str) -> Option<Vec<u8>> {
    let size = std::fs::metadata(path).ok()?.len();
    (size <= LIBRARY_BYTES_LIMIT)
        .then(|| std::fs::read(path).ok())
        .flatten()
}

fn services(elf: &[u8], bias: LoadBias) -> Vec<(Service, RuntimeAddress)> {
    let Ok(file) = object::File::parse(elf) else {
        return Vec::new();
    };
    let mut services: Vec<(Service, RuntimeAddress)> = Vec::new();
    for symbol in file.dynamic_symbols().chain(file.symbols()) {
        if !symbol.is_definition() {
            continue;
        }
        let Ok(name) = symbol.name() else { continue };
        let Some(&(_, service)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            continue;
        };
        let at = RuntimeAddress(symbol.address().wrapping_add(bias.0));
        if !services.iter().any(|&(_, known)| known == at) {
            services.push((service, at));
        }
    }
    services.sort_by_key(|&(_, at)| at);
    services
}
