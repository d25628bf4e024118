package pli

import android.content.Context
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import android.security.keystore.StrongBoxUnavailableException
import android.util.AtomicFile
import java.io.File
import java.io.IOException
import java.security.GeneralSecurityException
import java.security.KeyStore as Keys
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * Keeps the store's key in a file of the app's, sealed by a key that never leaves the device's hardware, in a chip of its
 * own where there is one. In no backup.
 */
class AndroidKeyStore(context: Context, private val alias: String = "pli") : KeyStore {
    private val file = AtomicFile(File(context.noBackupFilesDir, "$alias.key"))

    override fun load(): ByteArray? = guarded {
        val sealed = try {
            file.readFully()
        } catch (_: IOException) {
            return null
        }
        val key = hardware() ?: throw PliException.KeyUnavailable(KeyProblem.MISSING)
        if (sealed.size <= NONCE) throw PliException.KeyUnavailable(KeyProblem.WRONG)
        val cipher = Cipher.getInstance(SEAL)
        cipher.init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(TAG_BITS, sealed, 0, NONCE))
        cipher.doFinal(sealed, NONCE, sealed.size - NONCE)
    }

    override fun save(secret: ByteArray) = guarded {
        val cipher = Cipher.getInstance(SEAL)
        cipher.init(Cipher.ENCRYPT_MODE, hardware() ?: create())
        val sealed = cipher.iv + cipher.doFinal(secret)
        val out = file.startWrite()
        try {
            out.write(sealed)
            file.finishWrite(out)
        } catch (full: IOException) {
            file.failWrite(out)
            throw PliException.StorageFull()
        }
    }

    override fun erase() = guarded {
        file.delete()
        keys().deleteEntry(alias)
    }

    private fun keys(): Keys = Keys.getInstance("AndroidKeyStore").apply { load(null) }

    private fun hardware(): SecretKey? = keys().getKey(alias, null) as SecretKey?

    private fun create(): SecretKey = try {
        create(strongBox = true)
    } catch (_: StrongBoxUnavailableException) {
        create(strongBox = false)
    }

    private fun create(strongBox: Boolean): SecretKey {
        val uses = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val spec = KeyGenParameterSpec.Builder(alias, uses)
            .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
            .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
            .setKeySize(256)
            .setIsStrongBoxBacked(strongBox)
            .build()
        val generator = KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, "AndroidKeyStore")
        generator.init(spec)
        return generator.generateKey()
    }

    /** A failure of the hardware's is an error that says what to do. */
    private inline fun <T> guarded(work: () -> T): T = try {
        work()
    } catch (_: AEADBadTagException) {
        throw PliException.KeyUnavailable(KeyProblem.WRONG)
    } catch (_: GeneralSecurityException) {
        throw PliException.KeyUnavailable(KeyProblem.LOCKED)
    } catch (_: IllegalStateException) {
        throw PliException.KeyUnavailable(KeyProblem.LOCKED)
    }

    private companion object {
        const val SEAL = "AES/GCM/NoPadding"
        const val NONCE = 12
        const val TAG_BITS = 128
    }
}
