//! Reads the text of a credential when it is needed.

use zeroize::Zeroizing;

use crate::http::credential_file;
use crate::vault::error::VaultError;
use crate::vault::setting::lookup::Named;
use crate::vault::setting::value::Credential;

impl Named<Credential> {
    /// The text of the credential. Blanks around the content of a file are dropped.
    ///
    /// # Errors
    /// The file cannot be read, or the text is empty or has control characters.
    pub(super) fn text(&self) -> Result<Zeroizing<String>, VaultError> {
        let Self { name, value } = self;
        let text = match value {
            Credential::Text(text) => text.clone(),
            Credential::File(path) => {
                let unusable = |problem: String| {
                    VaultError::CredentialFile(name.clone(), problem, path.clone())
                };
                let content =
                    credential_file::read(path).map_err(|error| unusable(error.to_string()))?;
                let text = std::str::from_utf8(&content)
                    .map_err(|_| unusable("is not text".to_owned()))?;
                Zeroizing::new(text.trim().to_owned())
            }
        };
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(VaultError::Credential(
                name.clone(),
                "is empty, or has a line break or control character".to_owned(),
            ));
        }
        Ok(text)
    }
}
