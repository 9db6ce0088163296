import java.io.File;
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Pairs of a truststore and a chain (PEM): a line each, whether Java's own trust manager takes the chain as a client's. */
public class Judge {
    public static void main(String[] arguments) throws Exception {
        for (int at = 0; at < arguments.length; at += 2) {
            System.out.println(trusts(arguments[at], arguments[at + 1]));
        }
    }

    private static String trusts(String truststore, String chain) {
        try (FileInputStream stream = new FileInputStream(chain)) {
            KeyStore store = KeyStore.getInstance(new File(truststore), "changeit".toCharArray());
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(store);
            X509TrustManager manager = (X509TrustManager) factory.getTrustManagers()[0];
            X509Certificate[] certificates = CertificateFactory.getInstance("X.509")
                .generateCertificates(stream).toArray(new X509Certificate[0]);
            manager.checkClientTrusted(certificates, "EC");
            return "trusted";
        } catch (Exception error) {
            return "refused";
        }
    }
}
