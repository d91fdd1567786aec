// SPDX-License-Identifier: Apache-2.0
// Copyright The zkd authors
// Prints, for each file of DER certificates, what the JVM says of the subject:
// the UTF-8 of X500Principal.getName() in hex, one line each.

import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;

public class Names {
    public static void main(String[] files) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        StringBuilder out = new StringBuilder();
        for (String file : files) {
            try (InputStream in = new FileInputStream(file)) {
                X509Certificate cert =
                    (X509Certificate) factory.generateCertificate(in);
                String name = cert.getSubjectX500Principal().getName();
                for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
                    out.append(String.format("%02x", b));
                }
            }
            out.append('\n');
        }
        System.out.print(out);
    }
}
