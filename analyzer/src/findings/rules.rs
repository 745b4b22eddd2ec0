//! The rules, one file each, and the table of them.

mod base_file;
mod deleted_directory;
mod deleted_file;
mod duplicate_entry;
mod moved_file;
mod opaque_directory;
mod overwritten_file;
mod package_database;
mod recreated_file;
mod rewritten_file;
mod type_change;

use super::Rule;
pub(super) use base_file::BaseFile;
pub(super) use deleted_directory::DeletedDirectory;
pub(super) use deleted_file::DeletedFile;
pub(super) use duplicate_entry::DuplicateEntry;
pub(super) use moved_file::MovedFile;
pub(super) use opaque_directory::OpaqueDirectory;
pub(super) use overwritten_file::OverwrittenFile;
pub(super) use package_database::PackageDatabase;
pub(super) use recreated_file::RecreatedFile;
pub(super) use rewritten_file::RewrittenFile;
pub(super) use type_change::TypeChange;

/// All rules, in the order of their numbers.
pub static RULES: &[&dyn Rule] = &[
    &OverwrittenFile,
    &RewrittenFile,
    &DeletedFile,
    &DeletedDirectory,
    &OpaqueDirectory,
    &TypeChange,
    &MovedFile,
    &DuplicateEntry,
    &RecreatedFile,
    &PackageDatabase,
    &BaseFile,
];
