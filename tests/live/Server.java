import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/** A server for mutual TLS that picks up a new truststore at the next handshake: java Server.java KEYS TRUST TYPE. */
public class Server {
    static final char[] PASSWORD = "changeit".toCharArray();

    public static void main(String[] given) throws Exception {
        KeyStore own = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(Path.of(given[0]))) {
            own.load(in, PASSWORD);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(own, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        TrustManager[] trust = {new Fresh(Path.of(given[1]), given[2])};
        context.init(keys.getKeyManagers(), trust, null);
        context.getServerSessionContext().setSessionTimeout(1);

        HttpsServer server = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters wanted = context.getDefaultSSLParameters();
                wanted.setNeedClientAuth(true);
                parameters.setSSLParameters(wanted);
            }
        });
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        server.start();
        System.out.println(server.getAddress().getPort());
    }

    /** Reads the truststore anew when the file that `current` leads to is another one. */
    static class Fresh extends X509ExtendedTrustManager {
        private final Path path;
        private final String type;
        private Path read;
        private X509ExtendedTrustManager inner;

        Fresh(Path path, String type) {
            this.path = path;
            this.type = type;
        }

        private synchronized X509ExtendedTrustManager inner() throws CertificateException {
            try {
                Path now = path.toRealPath();
                if (!now.equals(read)) {
                    KeyStore store = KeyStore.getInstance(type);
                    try (InputStream in = Files.newInputStream(now)) {
                        store.load(in, PASSWORD);
                    }
                    TrustManagerFactory made = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
                    made.init(store);
                    inner = (X509ExtendedTrustManager) made.getTrustManagers()[0];
                    read = now;
                }
                return inner;
            } catch (IOException | java.security.GeneralSecurityException error) {
                throw new CertificateException(error);
            }
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String kind, SSLEngine engine)
                throws CertificateException {
            inner().checkClientTrusted(chain, kind, engine);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String kind, Socket socket)
                throws CertificateException {
            inner().checkClientTrusted(chain, kind, socket);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String kind) throws CertificateException {
            inner().checkClientTrusted(chain, kind);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String kind, SSLEngine engine)
                throws CertificateException {
            inner().checkServerTrusted(chain, kind, engine);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String kind, Socket socket)
                throws CertificateException {
            inner().checkServerTrusted(chain, kind, socket);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String kind) throws CertificateException {
            inner().checkServerTrusted(chain, kind);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            try {
                return inner().getAcceptedIssuers();
            } catch (CertificateException error) {
                return new X509Certificate[0];
            }
        }
    }
}
