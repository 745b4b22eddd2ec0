//! The rules, one file each, and the table of them.

mod apt_cache;
mod archive_garbage;
mod base_file;
mod broken_link;
mod build_dependency;
mod context_bloat;
mod copied_base;
mod core_dump;
mod deleted_directory;
mod deleted_file;
mod deleted_secret;
mod documentation;
mod duplicate_content;
mod duplicate_entry;
mod empty_layer;
mod extracted_archive;
mod format_overhead;
mod instruction_order;
mod language_cache;
mod log_file;
mod moved_file;
mod node_extra;
mod opaque_directory;
mod overwritten_file;
mod package_cache;
mod package_database;
mod python_bytecode;
mod recommended_package;
mod recreated_file;
mod rewritten_file;
mod temporary_file;
mod type_change;
mod unstripped_elf;
mod version_control;
mod zero_content;

use super::{Rule, live::Advisory};
use apt_cache::AptCache;
use archive_garbage::ArchiveGarbage;
pub(super) use base_file::BaseFile;
use broken_link::BrokenLink;
use build_dependency::BuildDependency;
use context_bloat::ContextBloat;
use copied_base::CopiedBase;
use core_dump::CoreDump;
pub(super) use deleted_directory::DeletedDirectory;
pub(super) use deleted_file::DeletedFile;
use deleted_secret::DeletedSecret;
use documentation::Documentation;
use duplicate_content::DuplicateContent;
pub(super) use duplicate_entry::DuplicateEntry;
use empty_layer::EmptyLayer;
use extracted_archive::ExtractedArchive;
use format_overhead::FormatOverhead;
use instruction_order::InstructionOrder;
use language_cache::LanguageCache;
use log_file::LogFile;
pub(super) use moved_file::MovedFile;
use node_extra::NodeExtra;
pub(super) use opaque_directory::OpaqueDirectory;
pub(super) use overwritten_file::OverwrittenFile;
use package_cache::PackageCache;
pub(super) use package_database::{PackageDatabase, is_database};
use python_bytecode::PythonBytecode;
use recommended_package::RecommendedPackage;
pub(super) use recreated_file::RecreatedFile;
pub(super) use rewritten_file::RewrittenFile;
use temporary_file::TemporaryFile;
pub(super) use type_change::TypeChange;
use unstripped_elf::UnstrippedElf;
use version_control::VersionControl;
use zero_content::ZeroContent;

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
    &DuplicateContent,
    &BrokenLink,
    &AptCache,
    &PackageCache,
    &RecommendedPackage,
    &LanguageCache,
    &Documentation,
    &VersionControl,
    &BuildDependency,
    &TemporaryFile,
    &ExtractedArchive,
    &CoreDump,
    &LogFile,
    &ZeroContent,
    &PythonBytecode,
    &UnstrippedElf,
    &NodeExtra,
    &EmptyLayer,
    &ContextBloat,
    &CopiedBase,
    &ArchiveGarbage,
    &FormatOverhead,
    &InstructionOrder,
    &DeletedSecret,
];

/// Those about what lives, and about the whole.
pub(super) static ADVISORY: &[&dyn Advisory] = &[
    &DuplicateContent,
    &BrokenLink,
    &AptCache,
    &PackageCache,
    &RecommendedPackage,
    &LanguageCache,
    &Documentation,
    &VersionControl,
    &BuildDependency,
    &TemporaryFile,
    &ExtractedArchive,
    &CoreDump,
    &LogFile,
    &ZeroContent,
    &PythonBytecode,
    &UnstrippedElf,
    &NodeExtra,
    &EmptyLayer,
    &ContextBloat,
    &CopiedBase,
    &ArchiveGarbage,
    &FormatOverhead,
    &InstructionOrder,
    &DeletedSecret,
];
