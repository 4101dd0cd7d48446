//! A program: a folder, packed so that the same content always makes the same bytes.

mod build;
mod files;
mod function;
mod instances;
mod recipe;

pub use files::IGNORED;
pub use function::UNZIPPED;
pub use instances::{LARGEST, pack};
pub use recipe::Recipe;

#[derive(Debug)]
pub struct Program {
    /// SHA-256, in hexadecimal: of an instance's program the uncompressed archive's, of a function's the zip's itself, as
    /// Lambda has it in `CodeSha256`.
    pub hash: String,
    /// The archive, `.tar.gz` or `.zip`.
    pub archive: Vec<u8>,
}

fn hexadecimal(hash: impl AsRef<[u8]>) -> String {
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of a file in an archive that says nothing of when, by whom and where it was packed.
pub(super) fn header(size: usize, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
