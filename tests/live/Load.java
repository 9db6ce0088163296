import java.io.File;
import java.security.KeyStore;

/** Truststores: a line each, with how many certificates Java finds in it, or that it refuses it. */
public class Load {
    public static void main(String[] truststores) {
        for (String truststore : truststores) {
            try {
                System.out.println(KeyStore.getInstance(new File(truststore), "changeit".toCharArray()).size());
            } catch (Exception error) {
                System.out.println("refused");
            }
        }
    }
}
