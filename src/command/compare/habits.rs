//! Options by which users of diffoci leave out differences. `--ignore` has the same words.

use strata_analyzer::compare::What;

/// Each is short for one word of `--ignore`.
#[derive(clap::Args, Debug)]
pub(super) struct Flags {
    #[arg(long, hide = true)]
    ignore_timestamps: bool,
    #[arg(long, hide = true)]
    ignore_file_timestamps: bool,
    #[arg(long, hide = true)]
    ignore_image_timestamps: bool,
    #[arg(long, hide = true)]
    ignore_history: bool,
    #[arg(long, hide = true)]
    ignore_file_order: bool,
    #[arg(long, hide = true)]
    ignore_file_mode_redundant_bits: bool,
    #[arg(long, hide = true)]
    ignore_image_name: bool,
    #[arg(long, hide = true)]
    ignore_tar_format: bool,
    #[arg(long, hide = true)]
    treat_canonical_paths_equal: bool,
}

impl Flags {
    pub(super) fn ignored(&self) -> impl Iterator<Item = What> {
        [
            (self.ignore_timestamps, "timestamps"),
            (self.ignore_file_timestamps, "file-timestamps"),
            (self.ignore_image_timestamps, "image-timestamps"),
            (self.ignore_history, "history"),
            (self.ignore_file_order, "file-order"),
            (self.ignore_file_mode_redundant_bits, "file-mode-redundant-bits"),
            (self.ignore_image_name, "image-name"),
            (self.ignore_tar_format, "tar-format"),
            (self.treat_canonical_paths_equal, "path-form"),
        ]
        .into_iter()
        .filter(|(given, _)| *given)
        .flat_map(|(_, word)| What::group(word).unwrap_or_default())
    }
}
