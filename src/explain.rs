//! The trait of errors that are shown to users.

/// An error of a step. Its `Display` is the fact, in lower case and without input text that may be secret. Every such
/// error converts into a [`crate::finding::Finding`].
pub trait Explain: std::error::Error {
    /// What to do about it.
    fn help(&self) -> String;

    /// The exit code for the error: 1 if trying again cannot help, 2 if the configuration has to be corrected, 3 if
    /// trying again may help.
    fn exit_code(&self) -> u8 {
        1
    }
}

impl<E: Explain> Explain for &E {
    fn help(&self) -> String {
        (**self).help()
    }

    fn exit_code(&self) -> u8 {
        (**self).exit_code()
    }
}
