import com.android.apksig.ApkSigner;
import com.android.apksig.ApkVerifier;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.List;

/** Signs an APK as Android 8 and later want it, and reads it back: Sign KEYS PASSWORD UNSIGNED SIGNED SDK. */
public final class Sign {
    public static void main(String[] arguments) throws Exception {
        char[] password = arguments[1].toCharArray();
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = new FileInputStream(arguments[0])) {
            keys.load(in, password);
        }
        String alias = keys.aliases().nextElement();
        ApkSigner.SignerConfig signer = new ApkSigner.SignerConfig.Builder(
            "PLI", (PrivateKey) keys.getKey(alias, password), List.of((X509Certificate) keys.getCertificate(alias))).build();
        int sdk = Integer.parseInt(arguments[4]);
        File signed = new File(arguments[3]);
        new ApkSigner.Builder(List.of(signer)).setInputApk(new File(arguments[2])).setOutputApk(signed).setMinSdkVersion(sdk)
            .setV1SigningEnabled(false).setV2SigningEnabled(true).setV3SigningEnabled(true)
            .setAlignmentPreserved(true).build().sign();
        ApkVerifier.Result result = new ApkVerifier.Builder(signed).setMinCheckedPlatformVersion(sdk).build().verify();
        if (!result.isVerified() || !result.isVerifiedUsingV2Scheme() || !result.isVerifiedUsingV3Scheme()) {
            System.err.println("the signature does not verify: " + result.getAllErrors());
            System.exit(1);
        }
    }
}
