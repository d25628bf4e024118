#if canImport(Security)
public import Foundation
public import PliNative
import Security

/// Keeps the store's key in the Keychain: after the first unlock, on this device only, in no backup.
///
/// An app and its notification extension share it by an access group of both.
public final class Keychain: KeyStore {
    private let account: String
    private let group: String?

    /// One device for each `account`; `group` is the access group, where an extension opens the store too.
    public init(account: String = "pli", group: String? = nil) {
        self.account = account
        self.group = group
    }

    public func load() throws -> Data? {
        var query = self.query
        query[kSecReturnData as String] = true
        var found: CFTypeRef?
        switch SecItemCopyMatching(query as CFDictionary, &found) {
        case errSecSuccess: return found as? Data
        case errSecItemNotFound: return nil
        // Before the first unlock, or whatever else will pass.
        default: throw PliError.KeyUnavailable(why: .locked)
        }
    }

    public func save(secret: Data) throws {
        let update = SecItemUpdate(query as CFDictionary, [kSecValueData as String: secret] as CFDictionary)
        if update == errSecSuccess { return }
        guard update == errSecItemNotFound else { throw PliError.KeyUnavailable(why: .locked) }
        var item = query
        item[kSecValueData as String] = secret
        item[kSecAttrAccessible as String] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        guard SecItemAdd(item as CFDictionary, nil) == errSecSuccess else {
            throw PliError.KeyUnavailable(why: .locked)
        }
    }

    public func erase() throws {
        switch SecItemDelete(query as CFDictionary) {
        case errSecSuccess, errSecItemNotFound: return
        default: throw PliError.KeyUnavailable(why: .locked)
        }
    }

    private var query: [String: Any] {
        var query: [String: Any] = [
            kSecClass as String: kSecClassGenericPassword,
            kSecAttrService as String: "pli.store",
            kSecAttrAccount as String: account,
            // On a Mac too: the keychain that knows access groups.
            kSecUseDataProtectionKeychain as String: true,
        ]
        if let group { query[kSecAttrAccessGroup as String] = group }
        return query
    }
}
#endif
