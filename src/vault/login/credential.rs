//! The text of a credential, read when it is sent.

use zeroize::Zeroizing;

use crate::http::credential_file;
use crate::http::error::Fault;
use crate::vault::setting::lookup::Named;
use crate::vault::setting::value::Credential;

impl Named<Credential> {
    /// The text, without the blanks around what a file holds.
    ///
    /// # Errors
    /// The file cannot be read, or the text cannot be a credential.
    pub(super) fn text(&self) -> Result<Zeroizing<String>, Fault> {
        let Self { name, value } = self;
        let text = match value {
            Credential::Text(text) => text.clone(),
            Credential::File(path) => {
                let content = credential_file::read(&format!("the file of {name}"), path)?;
                let text = std::str::from_utf8(&content).map_err(|_| {
                    Fault::Setting(format!("the file of {name} is no text: {}", path.display()))
                })?;
                Zeroizing::new(text.trim().to_owned())
            }
        };
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(Fault::Setting(format!(
                "{name} is empty, or has a line break or control character"
            )));
        }
        Ok(text)
    }
}
