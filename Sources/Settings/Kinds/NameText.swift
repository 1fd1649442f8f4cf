/// The rule for names in settings, for code that writes settings.
public enum NameText {
    /// Whether settings accept the text as a name, for example of a model or a class.
    public static func isValid(_ text: String) -> Bool {
        do throws(SettingsMismatch) {
            _ = try SettingsKind<String>.name("a name").read(text)
            return true
        } catch {
            return false
        }
    }
}
